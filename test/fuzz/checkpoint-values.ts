import { readTensor } from '../../src/model/index.js';
import type { Checkpoint } from '../../src/model/types.js';

/** Reads all weights of a checkpoint that was accepted. */
export async function checkpointValues({ tensors }: Checkpoint): Promise<void> {
  for (const tensor of tensors.values()) {
    const count = tensor.shape.reduce((product, size) => product * size, 1);
    const values = await readTensor(tensor);
    if (values.length !== count) throw new Error(`${values.length} values of ${tensor.name}, whose shape has ${count}`);
  }
}
