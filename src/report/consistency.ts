import type { ReportView } from './view-model.js';

interface Inconsistency {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What the shape of a `ReportView` cannot say: names that must be declared, lists that must be equally long. */
export function checkConsistency(view: ReportView): readonly Inconsistency[] {
  const found: Inconsistency[] = [];
  const names = view.methods.map((method) => method.name);
  const report = (path: Inconsistency['path'], message: string) => found.push({ path, message });
  const declared = (path: Inconsistency['path'], name: string) => {
    if (!names.includes(name)) report(path, `'${name}' is not among the methods (${names.join(', ')})`);
  };
  const ascending = (path: Inconsistency['path'], values: readonly number[]) => {
    if (values.some((value, i) => i > 0 && value <= values[i - 1]!)) report(path, 'must be strictly ascending');
  };

  if (new Set(names).size !== names.length) report(['methods'], 'names must be unique');
  if (view.methods.filter((method) => method.kind === 'unscaled').length > 1) {
    report(['methods'], 'at most one method may be unscaled');
  }
  view.factors.forEach((panel, p) => {
    panel.series.forEach((series, s) => {
      const path = ['factors', p, 'series', s];
      declared([...path, 'name'], series.name);
      if (series.factors.length !== panel.rotaryPairs) {
        report([...path, 'factors'], `${series.factors.length} factors for ${panel.rotaryPairs} rotary pairs`);
      }
    });
  });
  view.searches.forEach((panel, p) => {
    panel.runs.forEach((run, r) => {
      const path = ['searches', p, 'runs', r];
      declared([...path, 'name'], run.name);
      ascending(
        [...path, 'points'],
        run.points.map((point) => point.documents),
      );
    });
    panel.baselines.forEach((baseline, b) => {
      declared(['searches', p, 'baselines', b, 'name'], baseline.name);
    });
    panel.front?.entries.forEach(({ means }, e) => {
      const count = panel.front?.parts.length;
      if (means.length !== count)
        report(['searches', p, 'front', 'entries', e, 'means'], `${means.length} means of ${count} parts`);
    });
  });
  view.perplexity.forEach((panel, p) => {
    ascending(['perplexity', p, 'lengths'], panel.lengths);
    panel.series.forEach((series, s) => {
      const path = ['perplexity', p, 'series', s];
      declared([...path, 'name'], series.name);
      series.points.forEach((point, i) => {
        if (!panel.lengths.includes(point.length)) {
          report([...path, 'points', i, 'length'], `${point.length} is not among the lengths`);
        }
      });
      ascending(
        [...path, 'points'],
        series.points.map((point) => point.length),
      );
    });
    panel.comparisons.forEach((comparison, c) => {
      declared(['perplexity', p, 'comparisons', c, 'name'], comparison.name);
      declared(['perplexity', p, 'comparisons', c, 'against'], comparison.against);
    });
  });
  for (const kind of ['retrieval', 'ruler', 'benchmarks'] as const)
    view[kind].forEach((panel, p) => {
      if ('lengths' in panel) ascending([kind, p, 'lengths'], panel.lengths);
      panel.series.forEach((series, s) => {
        declared([kind, p, 'series', s, 'name'], series.name);
      });
    });
  view.lossByPosition.forEach((panel, p) => {
    ascending(['lossByPosition', p, 'bucketEdges'], panel.bucketEdges);
    panel.series.forEach((series, s) => {
      const path = ['lossByPosition', p, 'series', s];
      declared([...path, 'name'], series.name);
      if (series.loss.length !== panel.bucketEdges.length - 1) {
        report([...path, 'loss'], `${series.loss.length} losses for ${panel.bucketEdges.length} bucket edges`);
      }
    });
  });
  return found;
}
