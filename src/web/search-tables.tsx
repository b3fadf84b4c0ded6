import { formatCount, formatLoss, formatPerplexity } from '../report/format.js';
import { frontRows } from '../report/objective-front.js';
import type { SearchPanel } from '../report/view-model.js';
import { Scroll } from './tables.js';

/** Only the candidates that improved on everything before them; the rest is in the JSON twin. */
export function SearchTable({ run }: { run: SearchPanel['runs'][number] }) {
  const improvements = run.points.filter(({ best }, i) => i === 0 || best !== run.points[i - 1]!.best);
  return (
    <Scroll label={`Improvements found by ${run.algorithm}`}>
      <table class="figures search">
        <thead>
          <tr>
            <th scope="col">documents evaluated</th>
            <th scope="col" class="number">
              tokens
            </th>
            <th scope="col" class="number">
              loss
            </th>
            <th scope="col" class="number">
              perplexity
            </th>
          </tr>
        </thead>
        <tbody>
          {improvements.map(({ documents, tokens, best }) => (
            <tr key={documents}>
              <th scope="row">{formatCount(documents)}</th>
              <td class="number">{formatCount(tokens)}</td>
              <td class="number">{formatLoss(best)}</td>
              <td class="number">{formatPerplexity(best === null ? null : Math.exp(best))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function FrontTable({ front }: { front: NonNullable<SearchPanel['front']> }) {
  const [head = [], ...rows] = frontRows(front);
  return (
    <Scroll label="Objectives of the search">
      <table class="figures front">
        <thead>
          <tr>
            {head.map((text, column) => (
              <th key={text} scope="col" class={column === 0 ? '' : 'number'}>
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, ...means]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {means.map((mean, part) => (
                <td key={part} class="number">
                  {mean}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
