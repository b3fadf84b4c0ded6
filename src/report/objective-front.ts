import { z } from 'zod';
import { formatLoss } from './format.js';
import { type Cell, textTable } from './text-table.js';

const list = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();

/** What candidates come to in each part of an objective, on the search documents. */
export const objectiveFrontSchema = z
  .strictObject({
    /** Measure and length, as 'needle 2048'. */
    parts: list(z.string().min(1)),
    entries: list(
      z
        .strictObject({
          name: z.string().min(1),
          /** nats per token, one per part; null = not finite. */
          means: list(z.number().nullable()),
          /** Whether no other candidate is as good in every part and better in one; null for methods that were not searched. */
          isFront: z.boolean().nullable(),
        })
        .readonly(),
    ),
  })
  .readonly();

export type ObjectiveFront = z.infer<typeof objectiveFrontSchema>;

export const FRONT_EXPLAINED =
  'Objectives on the search documents, nats per token; * no other candidate is as good in all and better in one';

/** Rows and columns as terminal and page show them, the head first. */
export function frontRows({ parts, entries }: ObjectiveFront): readonly (readonly string[])[] {
  return [
    ['candidate', ...parts],
    ...entries.map(({ name, means, isFront }) => [`${name}${isFront === true ? ' *' : ''}`, ...means.map(formatLoss)]),
  ];
}

export function frontTable(front: ObjectiveFront, options: { readonly colour: boolean }): string {
  const rows: Cell[][] = frontRows(front).map((row) => row.map((text) => ({ text })));
  return `${FRONT_EXPLAINED}\n${textTable(rows, options)}`;
}
