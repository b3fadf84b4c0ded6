import { useMemo, useState } from 'preact/hooks';
import { headline } from '../report/headline.js';
import type { ReportView } from '../report/view-model.js';
import { BenchmarkSection } from './benchmark-section.js';
import { CopyCommand } from './copy-command.js';
import { RetrievalSection, RulerSection } from './evaluation-sections.js';
import { MethodBar } from './method-bar.js';
import { styleMethods } from './method-style.js';
import { FactorSection, InputSection, PerplexitySection, PositionSection, SearchSection } from './sections.js';

export function Page({ view }: { view: ReportView }) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const styles = useMemo(() => styleMethods(view.methods), [view]);
  const shown = useMemo(() => new Map([...styles].filter(([name]) => !hidden.has(name))), [styles, hidden]);
  const searched = new Set(view.methods.filter(({ kind }) => kind === 'searched').map(({ name }) => name));
  const descriptions = new Map(view.methods.map(({ name, description }) => [name, description ?? '']));
  const { statement, qualifications } = headline(view);
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };
  return (
    <>
      <a class="skip" href="#results">
        Skip to the results
      </a>
      <header>
        <p class="title">{view.title}</p>
        <h1>{statement}</h1>
        {qualifications.map((sentence) => (
          <p key={sentence} class="qualification">
            {sentence}
          </p>
        ))}
        {view.summary.length > 0 && (
          <dl class="key-figures">
            {view.summary.map(({ label, value, detail }, index) => (
              <div key={index}>
                <dt>{label}</dt>
                <dd>{value}</dd>
                {detail !== undefined && <dd class="detail">{detail}</dd>}
              </div>
            ))}
          </dl>
        )}
      </header>
      <main id="results" tabIndex={-1}>
        {view.methods.length > 0 && (
          <MethodBar styles={styles} descriptions={descriptions} hidden={hidden} onToggle={toggle} />
        )}
        {view.perplexity.length > 0 && (
          <PerplexitySection panels={view.perplexity} styles={shown} searched={searched} />
        )}
        {view.factors.length > 0 && <FactorSection panels={view.factors} styles={shown} />}
        {view.lossByPosition.length > 0 && (
          <PositionSection
            panels={view.lossByPosition}
            styles={shown}
            originalLength={view.factors[0]?.originalLength}
          />
        )}
        {view.retrieval.length > 0 && <RetrievalSection panels={view.retrieval} styles={shown} />}
        {view.ruler.length > 0 && <RulerSection panels={view.ruler} styles={shown} />}
        {view.benchmarks.length > 0 && <BenchmarkSection panels={view.benchmarks} styles={shown} />}
        {view.searches.length > 0 && <SearchSection panels={view.searches} styles={shown} />}
        {view.inputs.length > 0 && <InputSection inputs={view.inputs} />}
        <section aria-labelledby="reproduce">
          <h2 id="reproduce">Reproduce</h2>
          <CopyCommand command={view.command} />
          {view.notes.map((note, index) => (
            <p key={index} class="note">
              {note}
            </p>
          ))}
        </section>
      </main>
      <footer>
        {view.generatedBy}
        {view.createdAt !== undefined && `, ${view.createdAt}`}
      </footer>
    </>
  );
}
