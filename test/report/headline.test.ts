import { describe, expect, it } from 'vitest';
import { headline, type PerplexityPanel, type ReportView } from '../../src/report/index.js';
import { sampleView } from './sample-view.js';

/** The sample with other perplexities at 2,048 tokens. */
function withTargetPerplexity(values: Readonly<Record<string, number | null>>): ReportView {
  const panel = sampleView.perplexity[0]!;
  const series = panel.series.map(({ name, points }) => ({
    name,
    points: points.map((point) =>
      point.length === 2048 && name in values ? { ...point, perplexity: values[name]! } : point,
    ),
  }));
  return { ...sampleView, perplexity: [{ ...panel, series }] };
}

function withPanel(change: Partial<PerplexityPanel>): ReportView {
  return { ...sampleView, perplexity: [{ ...sampleView.perplexity[0]!, ...change }] };
}

describe('headline', () => {
  it('says by how much the search won, against whom, how sure that is and what it costs', () => {
    expect(headline(sampleView)).toEqual({
      statement: 'Searched lowers perplexity at 2,048 tokens to 50.32, 15.0% below YaRN',
      qualifications: [
        'YaRN is the best of the 4 other methods at 2,048 tokens (59.18).',
        'Paired over 7 documents the ratio to YaRN is 0.850, 95% interval 0.829 to 0.872: significant.',
        'Inside the original 256 tokens it is 7.7% higher: 56.35 against 52.31 unscaled.',
      ],
    });
  });

  it('says so when the search lost', () => {
    expect(headline(withTargetPerplexity({ searched: 61 })).statement).toBe(
      'Searched does not beat YaRN at 2,048 tokens: perplexity 61.00 against 59.18',
    );
  });

  it('does not call a tie a win', () => {
    expect(headline(withTargetPerplexity({ searched: 59.18 })).statement).toContain('does not beat YaRN');
  });

  it('compares with the best of the others, also when that is the unscaled model', () => {
    expect(headline(withTargetPerplexity({ none: 55 })).statement).toContain('8.5% below none');
  });

  it('puts methods without a finite perplexity last and makes no ratio with them', () => {
    const view = withTargetPerplexity({ none: null, PI: null, NTK: null, YaRN: null });
    expect(headline(view).statement).toBe('Searched lowers perplexity at 2,048 tokens to 50.32');
    expect(headline(withTargetPerplexity({ searched: null })).statement).toBe(
      'Searched has no finite perplexity at 2,048 tokens',
    );
  });

  it('warns when the paired interval holds 1', () => {
    const [comparison, ...others] = sampleView.perplexity[0]!.comparisons;
    const view = withPanel({ comparisons: [{ ...comparison!, interval: { low: 0.97, high: 1.02 } }, ...others] });
    expect(headline(view).qualifications[1]).toContain('0.970 to 1.020: the difference may be chance');
  });

  it('says that a single document tells nothing of chance', () => {
    const [comparison, ...others] = sampleView.perplexity[0]!.comparisons;
    const view = withPanel({ comparisons: [{ ...comparison!, interval: null, documents: 1 }, ...others] });
    expect(headline(view).qualifications[1]).toBe(
      'On a single document the ratio to YaRN is 0.850: whether the difference is significant only more documents can tell.',
    );
  });

  it('also compares with YaRN where another method is the best of the others', () => {
    const yarn = sampleView.perplexity[0]!.comparisons.find(({ against }) => against === 'YaRN')!;
    const comparisons = [yarn, { ...yarn, against: 'none', ratio: 0.9, interval: { low: 0.8, high: 1.1 } }];
    const panel = { ...withTargetPerplexity({ none: 55 }).perplexity[0]!, comparisons };
    expect(headline({ ...sampleView, perplexity: [panel] }).qualifications.slice(1, 3)).toEqual([
      'Paired over 7 documents the ratio to none is 0.900, 95% interval 0.800 to 1.100: the difference may be chance.',
      'Paired over 7 documents the ratio to YaRN is 0.850, 95% interval 0.829 to 0.872: significant.',
    ]);
  });

  it('leaves out what was not measured', () => {
    const factors = sampleView.factors.map((panel) => ({ ...panel, originalLength: 128 }));
    const view = { ...withPanel({ comparisons: [] }), factors };
    expect(headline(view).qualifications).toHaveLength(1);
  });

  it('falls back to the search, then to the title', () => {
    const last = sampleView.searches[0]!.runs[0]!.points.at(-1)!.best!;
    const searchOnly = { ...sampleView, perplexity: [] };
    expect(headline(searchOnly).statement).toBe(
      `Searched reaches a loss of ${last.toFixed(4)} at 2,048 tokens (YaRN: 4.0810)`,
    );
    expect(headline(searchOnly).qualifications).toEqual([
      expect.stringMatching(/^Found by /),
      'Nothing held out is compared here: whether the difference to YaRN is significant is not known from this report.',
    ]);
    expect(headline({ ...searchOnly, searches: [] }).statement).toBe(sampleView.title);
  });
});
