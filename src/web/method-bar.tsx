import type { MethodStyle } from './method-style.js';
import { Swatch } from './swatch.js';

interface Props {
  readonly styles: ReadonlyMap<string, MethodStyle>;
  readonly descriptions: ReadonlyMap<string, string>;
  readonly hidden: ReadonlySet<string>;
  readonly onToggle: (name: string) => void;
}

/** The legend of every chart, and the switch that takes a method out of all of them. */
export function MethodBar({ styles, descriptions, hidden, onToggle }: Props) {
  return (
    <fieldset class="methods">
      <legend>Methods, press to show or hide</legend>
      {[...styles].map(([name, style]) => (
        <button
          key={name}
          type="button"
          aria-pressed={!hidden.has(name)}
          title={[name, descriptions.get(name)].filter(Boolean).join(': ')}
          onClick={() => onToggle(name)}
        >
          <Swatch style={style} />
          <span class="name">{name}</span>
        </button>
      ))}
    </fieldset>
  );
}
