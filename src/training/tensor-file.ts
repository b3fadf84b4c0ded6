import { encodeSafetensorsHeader } from '../model/checkpoint/safetensors-header.js';
import { replaceFile } from '../run/index.js';

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** One after the other they are the tensor. */
  readonly parts: readonly Float32Array[];
}

/** Writes float32 tensors as a safetensors file, whole or not at all. Returns where the bytes of each begin. */
export async function writeTensors(file: string, tensors: readonly NamedTensor[]): Promise<Map<string, number>> {
  const sized = tensors.map((tensor) => ({
    ...tensor,
    dtype: 'F32',
    byteLength: tensor.parts.reduce((sum, { byteLength }) => sum + byteLength, 0),
  }));
  const header = encodeSafetensorsHeader(sized, { format: 'pt' });
  await replaceFile(file, async (handle) => {
    await handle.writeFile(header);
    for (const { parts } of tensors)
      for (const part of parts) await handle.writeFile(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  });
  const offsets = new Map<string, number>();
  let position = header.byteLength;
  for (const { name, byteLength } of sized) {
    offsets.set(name, position);
    position += byteLength;
  }
  return offsets;
}
