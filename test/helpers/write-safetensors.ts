import { writeFile } from 'node:fs/promises';
import { encodeSafetensorsHeader } from '../../src/model/checkpoint/safetensors-header.js';

export interface RawTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export async function writeSafetensors(file: string, tensors: readonly RawTensor[]): Promise<void> {
  const header = encodeSafetensorsHeader(tensors.map((tensor) => ({ ...tensor, byteLength: tensor.bytes.byteLength })));
  await writeFile(file, Buffer.concat([header, ...tensors.map(({ bytes }) => bytes)]));
}
