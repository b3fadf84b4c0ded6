import { Command } from 'commander';
import { benchmarkCommand } from './evaluate-benchmark.js';
import { gateCommand } from './evaluate-gate.js';
import { longPerplexityCommand } from './evaluate-longppl.js';
import { needleCommand } from './evaluate-needle.js';
import { passkeyCommand } from './evaluate-passkey.js';
import { evaluatePerplexityCommand } from './evaluate-perplexity.js';
import { rulerCommand } from './evaluate-ruler.js';

export function evaluateCommand(): Command {
  const evaluate = new Command('evaluate').description('Measure a model; every figure names its protocol.');
  for (const command of [
    evaluatePerplexityCommand(),
    passkeyCommand(),
    needleCommand(),
    rulerCommand(),
    longPerplexityCommand(),
    benchmarkCommand(),
    gateCommand(),
  ])
    evaluate.addCommand(command);
  return evaluate;
}
