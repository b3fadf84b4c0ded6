import type { MethodStyle } from './method-style.js';

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
      {[...styles.values()].map(({ name, colour, dash, width }) => (
        <button
          key={name}
          type="button"
          aria-pressed={!hidden.has(name)}
          title={[name, descriptions.get(name)].filter(Boolean).join(': ')}
          onClick={() => onToggle(name)}
        >
          <svg width="26" height="10" aria-hidden="true">
            <line x1="1" x2="25" y1="5" y2="5" stroke={colour} stroke-width={width} stroke-dasharray={dash} />
          </svg>
          <span>{name}</span>
        </button>
      ))}
    </fieldset>
  );
}
