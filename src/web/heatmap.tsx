import type { RetrievalPanel } from '../report/evaluation-panels.js';
import { formatCount } from '../report/format.js';
import { LengthHeads, Scroll } from './tables.js';

/** Right answers by depth and length. Every cell says its count, so nothing depends on its colour. */
export function Heatmap({ panel, series }: { panel: RetrievalPanel; series: RetrievalPanel['series'][number] }) {
  const label = `${panel.title}, ${series.name}: right answers by depth and length`;
  return (
    <Scroll label={label}>
      <table class="figures heatmap">
        <caption>{series.name}</caption>
        <thead>
          <tr>
            <th scope="col">depth</th>
            <LengthHeads lengths={panel.lengths} />
          </tr>
        </thead>
        <tbody>
          {panel.depths.map((depth, row) => (
            <tr key={depth}>
              <th scope="row">{depth}</th>
              {panel.lengths.map((length) => {
                const cell = series.cells.find((entry) => entry.length === length && entry.depth === row);
                if (cell === undefined) return <td key={length}>–</td>;
                const { hits, trials } = cell;
                return (
                  <td
                    key={length}
                    style={`--share: ${hits / trials}`}
                    title={`${series.name}, depth ${depth}, ${formatCount(length)} tokens: ${hits} of ${trials} right`}
                  >
                    {hits}/{trials}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
