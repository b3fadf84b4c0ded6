import { describe, expect, it } from 'vitest';
import { factorTable, perplexityTable, renderTerminal, searchTable, textTable } from '../../src/report/index.js';
import { sampleView } from './sample-view.js';

const panel = sampleView.perplexity[0]!;

describe('terminal report', () => {
  it('lines up perplexities with their intervals', () => {
    expect(perplexityTable(sampleView, panel)).toMatchInlineSnapshot(`
      "Perplexity by length in tokens, tiny-pg19
      Protocol document: token-weighted over 7 held-out chapters, <s> first, no overlap; factors at the ratio of each length.
      95% intervals over documents (Student t, then bootstrap); * lowest of its length
      method             256            512           1,024           2,048
      none             52.31*         53.71*          70.57           92.97
                 46.56–58.64    46.32–61.84     62.69–79.24    81.19–105.93
      bootstrap  47.71–57.49    47.80–60.36     64.26–77.67    83.54–103.58
      PI               52.31*         91.61          126.71          140.19
                 45.97–59.28   80.29–104.07   110.39–144.66   124.07–157.92
      bootstrap  47.24–58.02   82.55–101.80   113.66–141.40   127.30–154.70
      NTK              52.31*         55.25           58.74           63.93
                 45.50–59.80    48.41–62.77     52.23–65.90     56.55–72.04
      bootstrap  46.86–58.44    49.78–61.41     53.53–64.60     58.03–70.57
      YaRN             52.31*         59.49           59.49           59.18
                 45.27–60.06    52.94–66.70     52.62–67.05     51.89–67.20
      bootstrap  46.68–58.65    54.25–65.39     53.99–65.68     53.34–65.74
      searched         56.35          54.15           52.05*          50.32*
                 48.58–64.89    47.49–61.48     45.32–59.45     44.30–56.94
      bootstrap  50.14–63.34    48.82–60.15     46.66–58.11     45.50–55.74
      searched at 2,048: 15.0% below YaRN (ratio 0.850, interval 0.829 to 0.872, paired over 7 documents)
      searched at 2,048: 21.3% below NTK (ratio 0.787, interval 0.758 to 0.817, paired over 7 documents)
      searched at 2,048: 64.1% below PI (ratio 0.359, interval 0.335 to 0.384, paired over 7 documents)"
    `);
  });

  it('summarises factors and search', () => {
    expect(factorTable(sampleView, sampleView.factors[0]!)).toMatchInlineSnapshot(`
      "Factors, tiny-pg19: 256 to 2,048 tokens, 32 rotary pairs, theta 10,000; from pair 13 on, a period is longer than the original length
      method    attention factor  start tokens  pair 0  pair 7  pair 13  pair 22  pair 31
      PI                  1.0000             0   8.000   8.000    8.000    8.000    8.000
      NTK                 1.0000             0   1.000   1.599    2.392    4.374    8.000
      YaRN                1.0000             0   1.000   1.891    8.000    8.000    8.000
      searched            1.0610             0   1.001   1.040    1.584    6.186    6.325"
    `);
    expect(searchTable(sampleView.searches[0]!)).toMatchInlineSnapshot(`
      "Search at 2,048 tokens, tiny-pg19; loss in nats per token
      method               loss  documents     tokens             stopped by
      none               4.5320
      PI                 4.9430
      NTK                4.1580
      YaRN               4.0810
      searched (cma-es)  3.9277        700  1,433,600  budget: 700 documents

      Objectives on the search documents, nats per token; * no other candidate is as good in all and better in one
      candidate    perplexity 2048  needle 2048
      YaRN                  4.0810       5.2000
      searched *            3.9277       4.6100
      contender 2           4.0100            ∞"
    `);
  });

  it('holds the key result and every section, without escapes unless asked', () => {
    const text = renderTerminal(sampleView);
    expect(text.startsWith('Searched lowers perplexity at 2,048 tokens to 50.32, 15.0% below YaRN\n')).toBe(true);
    expect(text).not.toContain('\u001b');
    expect(renderTerminal(sampleView, { colour: true })).toContain('\u001b[1m50.32*\u001b[0m');
  });

  it('writes an infinite perplexity as such and never as the best', () => {
    const series = panel.series.map(({ name, points }) => ({
      name,
      points: points.map((point) => ({ ...point, perplexity: null, interval: null, bootstrap: null })),
    }));
    const rows = perplexityTable(sampleView, { ...panel, series, comparisons: [] })
      .split('\n')
      .slice(4);
    expect(rows).toHaveLength(5);
    expect(rows[0]).toMatch(/^none +∞ +∞ +∞ +∞$/);
  });

  it('fits 80 columns with four lengths', () => {
    const lines = perplexityTable(sampleView, { ...panel, protocol: '', comparisons: [] }).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('lets no control character of a name reach the terminal', () => {
    const hostile = { ...sampleView, notes: ['\u001b]0;owned\u0007 \u001b[2Jgone'] };
    expect(renderTerminal(hostile)).toContain('\uFFFD]0;owned\uFFFD \uFFFD[2Jgone');
    expect(textTable([[{ text: 'a\u001b[31mb' }]], { colour: false })).toBe('a\uFFFD[31mb');
  });

  it('pads by characters, not by UTF-16 units', () => {
    const rows = [
      [{ text: '𝜆' }, { text: '1' }],
      [{ text: 'ab' }, { text: '22' }],
    ];
    expect(textTable(rows, { colour: false })).toBe('𝜆    1\nab  22');
  });
});
