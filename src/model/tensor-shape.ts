/** Elements of a tensor of a shape that was checked (`elementCount` of a checkpoint's headers). */
export function sizeOfShape(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
