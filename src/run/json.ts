/** What may stand in a run folder. Numbers are finite doubles; they survive a round trip through text bit for bit. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One text per value: keys sorted, no spaces. Equal values give equal bytes, so texts and their hashes can be compared. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const record = value as { readonly [key: string]: Json };
    return `{${Object.keys(record)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key] as Json)}`)
      .join(',')}}`;
  }
  // JSON.stringify would write null, and a wrong number would come back.
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${value} cannot be written as JSON`);
  return JSON.stringify(value);
}
