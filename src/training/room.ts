import { checkSpace } from '../run/index.js';

export interface RunRoom {
  /** Bytes of a checkpoint, of the weights alone, and of the model that is written from the last one. */
  readonly checkpoint: number;
  readonly weights: number;
  readonly result: number;
  /** Checkpoints that are written. */
  readonly saves: number;
  /** Checkpoints that are kept. */
  readonly saveTotalLimit: number;
  readonly validates: boolean;
}

/** Bytes of a run folder at its largest: an old checkpoint goes only when a newer one has given a finite loss. */
export function runBytes({ checkpoint, weights, result, saves, saveTotalLimit, validates }: RunRoom): number {
  // A validation, which has the weights in a file, comes before an old one goes.
  const training = Math.min(saves, saveTotalLimit + 1) * checkpoint + (validates ? weights : 0);
  const end = Math.min(saves, saveTotalLimit) * checkpoint + result;
  return Math.max(training, end);
}

/** Throws `UserError('resource')` if a run that begins would not fit into its folder. */
export function checkRunRoom(folder: string, room: RunRoom): Promise<void> {
  const kept = Math.min(room.saves, room.saveTotalLimit + 1);
  const what = `${kept === 1 ? 'a checkpoint' : `${kept} checkpoints at a time`} and the model`;
  return checkSpace(folder, runBytes(room), what, 'free some space, choose another disk or keep fewer checkpoints');
}
