import { parse } from 'shell-quote';
import { UserError } from '../../errors.js';

/**
 * The words of a command line, quoted as for a shell, but run without one: so the process that is started is the one that
 * is spoken to and ended. Variables are filled in. Throws `UserError('usage')` for what only a shell can do.
 */
export function commandWords(line: string, environment: NodeJS.ProcessEnv = process.env): [string, ...string[]] {
  const unset: string[] = [];
  const parts = parse(line, (name: string) => {
    const value = environment[name];
    if (value === undefined) unset.push(name);
    return value ?? '';
  });
  const refuse = (expected: string, found: string, fix?: string): never => {
    throw new UserError('usage', { where: `command ${line}`, expected, found, ...(fix !== undefined && { fix }) });
  };
  if (unset.length > 0) refuse('variables that are set', `$${unset.join(', $')}`, 'put $ between single quotes');
  const words = parts.map((part) => {
    if (typeof part === 'string') return part;
    // A pattern that matches nothing is left as it is by shells, and a command's own ? and * are no files.
    if ('pattern' in part) return part.pattern;
    const found = 'op' in part ? `${part.op}` : `#${part.comment}`;
    return refuse('a program and its arguments', found, 'put pipes, redirections and several commands into a script');
  });
  const [program, ...rest] = words;
  if (program === undefined || program === '') return refuse('a program and its arguments', 'nothing');
  return [program, ...rest];
}
