import { UserError } from '../../src/errors.js';
import { inspectModel } from '../../src/workflow/inspect.js';

/**
 * What `inspect` makes of a file: refused with a `UserError`, or judged for every engine with finite numbers. It reads files
 * that the loader refuses, so its refusal says nothing about the loader's.
 */
export async function inspectable(model: string): Promise<void> {
  try {
    const { tables, localTable, engines, values } = await inspectModel(model, [2, 4097]);
    const numbers = [
      ...[...tables, ...(localTable === null ? [] : [localTable])].flatMap((table) => [
        table.attentionFactor,
        ...table.inverseFrequency,
      ]),
      ...values.map(({ value }) => value).filter((value) => typeof value === 'number'),
    ];
    if (!numbers.every(Number.isFinite)) throw new Error(`a value that is not finite: ${JSON.stringify(values)}`);
    for (const { engine, attentionFactor, judgement } of engines)
      if (attentionFactor !== null && Number.isNaN(attentionFactor) && judgement.verdict === 'exact')
        throw new Error(`${engine} is exact with an attention factor of NaN`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}
