import { expect, it } from 'vitest';
import { commandWords } from '../../../src/search/outside/command-line.js';

it.each<[line: string, words: string[]]>([
  ['python3 score.py --texts books', ['python3', 'score.py', '--texts', 'books']],
  [`"my program" 'a b' c\\ d ""`, ['my program', 'a b', 'c d', '']],
  ['$HOME/score.py --key="$KEY"', ['/home/a/score.py', '--key=x y']],
  [`score '$HOME'`, ['score', '$HOME']],
  ['score books/*.txt', ['score', 'books/*.txt']],
])('%s', (line, words) => {
  expect(commandWords(line, { HOME: '/home/a', KEY: 'x y' })).toEqual(words);
});

it.each<[line: string, message: RegExp]>([
  ['score | tee log', /expected a program and its arguments, found \|; put pipes, redirections/],
  ['score > log', /found >/],
  ['cd there && score', /found &&/],
  ['score $NO_SUCH', /expected variables that are set, found \$NO_SUCH/],
  ['   ', /expected a program and its arguments, found nothing/],
])('%s is refused', (line, message) => {
  expect(() => commandWords(line, {})).toThrow(message);
});
