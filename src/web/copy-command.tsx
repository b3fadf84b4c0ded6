import { useState } from 'preact/hooks';

/** The command that reproduces the report. Where the clipboard is refused, the text is selected so that one key copies it. */
export function CopyCommand({ command }: { command: string }) {
  const [state, setState] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(command);
      setState('Copied');
    } catch {
      getSelection()?.selectAllChildren(document.getElementById('command')!);
      setState('Selected: press Ctrl+C');
    }
  };
  return (
    <div class="command">
      <pre id="command">{command}</pre>
      <button type="button" onClick={copy}>
        Copy
      </button>
      <span role="status">{state}</span>
    </div>
  );
}
