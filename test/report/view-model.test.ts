import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { parseReport, type ReportView, renderJson, reportViewSchema, toFigure } from '../../src/report/index.js';
import { sampleView } from './sample-view.js';

/** The sample with one value replaced, whatever its type: what a hand-edited or half-written file may hold. */
function withValue(path: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(sampleView) as unknown as Record<string | number, unknown>;
  let at = copy;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  at[path.at(-1)!] = value;
  return copy;
}

function problemsOf(value: unknown): readonly string[] {
  const result = reportViewSchema.safeParse(value);
  return result.success ? [] : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

describe('report view', () => {
  it('survives the trip through JSON unchanged', () => {
    expect(parseReport(renderJson(sampleView), 'report.json')).toEqual(sampleView);
  });

  it.each([
    [['factors', 0, 'series', 3, 'factors', 5], Number.NaN],
    [['factors', 0, 'series', 3, 'factors', 5], 0],
    [['factors', 0, 'series', 3, 'attentionFactor'], Number.POSITIVE_INFINITY],
    [['perplexity', 0, 'series', 0, 'points', 0, 'perplexity'], Number.POSITIVE_INFINITY],
    [['searches', 0, 'runs', 0, 'points', 3, 'loss'], Number.NaN],
    [['lossByPosition', 0, 'series', 0, 'loss', 0], Number.NEGATIVE_INFINITY],
    [['inputs', 0, 'sha256'], 'abc'],
    [['methods', 0, 'colour'], 'red'],
  ])('refuses %s = %s', (path, value) => {
    expect(problemsOf(withValue(path, value)).length).toBeGreaterThan(0);
  });

  it.each([
    [['factors', 0, 'series', 3, 'factors'], [1, 2], 'factors.0.series.3.factors: 2 factors for 32 rotary pairs'],
    [['factors', 0, 'series', 3, 'name'], 'serched', "factors.0.series.3.name: 'serched' is not among the methods"],
    [['perplexity', 0, 'lengths'], [256, 2048, 512, 1024], 'perplexity.0.lengths: must be strictly ascending'],
    [['perplexity', 0, 'series', 1, 'points', 2, 'length'], 1000, 'perplexity.0.series.1.points.2.length: 1000 is not'],
    [['perplexity', 0, 'comparisons', 0, 'against'], 'yarn', "perplexity.0.comparisons.0.against: 'yarn' is not"],
    [['lossByPosition', 0, 'bucketEdges'], [0, 256], 'lossByPosition.0.series.0.loss: 5 losses for 2 bucket edges'],
    [['searches', 0, 'runs', 0, 'points', 3, 'documents'], 1, 'searches.0.runs.0.points: must be strictly ascending'],
    [['methods', 1, 'kind'], 'unscaled', 'methods: at most one method may be unscaled'],
    [['methods', 1, 'name'], 'none', 'methods: names must be unique'],
  ])('says what does not fit together in %s', (path, value, problem) => {
    expect(problemsOf(withValue(path, value))).toContainEqual(expect.stringContaining(problem));
  });

  it('keeps a non-finite measurement as null, and null as null', () => {
    const view = withValue(['perplexity', 0, 'series', 1, 'points', 3, 'perplexity'], null) as ReportView;
    expect(parseReport(renderJson(view), 'r.json').perplexity[0]!.series[1]!.points[3]!.perplexity).toBeNull();
    expect([toFigure(2), toFigure(Number.NaN), toFigure(Number.POSITIVE_INFINITY)]).toEqual([2, null, null]);
  });

  it('names every problem of a file at once, with the file', () => {
    const broken = JSON.stringify({ ...sampleView, command: 7, title: '' });
    const error = thrownBy(() => parseReport(broken, 'runs/a/report.json'));
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).problems.map(({ where }) => where).sort()).toEqual([
      'runs/a/report.json > command',
      'runs/a/report.json > title',
    ]);
  });

  it('refuses any cut of a report file as a user error', () => {
    const text = renderJson(sampleView).trimEnd();
    fc.assert(
      fc.property(fc.nat(text.length - 1), (length) => {
        expect(thrownBy(() => parseReport(text.slice(0, length), 'report.json'))).toBeInstanceOf(UserError);
      }),
      { numRuns: 50 },
    );
  });
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
