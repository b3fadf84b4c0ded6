/** The non-decreasing sequence nearest to `values` (least squares), by pooling adjacent violators. */
export function isotonic(values: Float64Array): Float64Array {
  const means: number[] = [];
  const sizes: number[] = [];
  for (const value of values) {
    let mean = value;
    let size = 1;
    while (means.length > 0 && (means[means.length - 1] as number) > mean) {
      const poolSize = sizes.pop() as number;
      mean = (mean * size + (means.pop() as number) * poolSize) / (size + poolSize);
      size += poolSize;
    }
    means.push(mean);
    sizes.push(size);
  }
  const result = new Float64Array(values.length);
  let position = 0;
  for (const [block, mean] of means.entries()) {
    const end = position + (sizes[block] as number);
    result.fill(mean, position, end);
    position = end;
  }
  return result;
}
