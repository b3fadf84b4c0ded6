import type { RopeSpec } from '../model/types.js';

/** The original length and its doublings up to the longest that the model's config allows, that one included. */
export function defaultLengths({ originalLength, maxPositionEmbeddings }: RopeSpec): number[] {
  const lengths = [originalLength];
  for (let length = 2 * originalLength; length <= maxPositionEmbeddings; length *= 2) lengths.push(length);
  if ((lengths.at(-1) as number) < maxPositionEmbeddings) lengths.push(maxPositionEmbeddings);
  return lengths;
}
