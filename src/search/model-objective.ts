import type { TokenDocument } from '../corpus/types.js';
import { windowsOf } from '../evaluation/index.js';
import { rescaledRope } from '../rope/frequencies.js';
import type { RopeGeometry } from '../rope/types.js';
import type { Engine } from '../runtime/index.js';
import type { Objective } from './objective.js';

export interface ModelObjectiveOptions {
  readonly engine: Engine;
  readonly geometry: RopeGeometry;
  readonly documents: readonly TokenDocument[];
  readonly bosTokenId: number | null;
  /** Tokens per document, BOS included: the target length of the search. */
  readonly length: number;
}

/** The loss of candidates on real documents (protocol `document`). Requests run as parallel as the engine allows. */
export function modelObjective({ engine, geometry, documents, bosTokenId, length }: ModelObjectiveOptions): Objective {
  const windows = windowsOf({ name: 'document', length }, documents, bosTokenId);
  return {
    documents: documents.map(({ id }) => id),
    scoredTokens: windows.map(({ tokens }) => tokens),
    evaluate(requests, { onResult, signal } = {}) {
      return Promise.all(
        requests.map(async ({ candidate, document }, index) => {
          const window = windows[document];
          if (window === undefined) throw new Error(`no document ${document}`);
          const { ids, scoreFrom, tokens } = window;
          const losses = await engine.tokenLosses({ ids, rope: rescaledRope(geometry, candidate), scoreFrom }, signal);
          const loss = { lossSum: losses.reduce((sum, value) => sum + value, 0), tokens };
          onResult?.(index, loss);
          return loss;
        }),
      );
    },
  };
}
