export { longropeConfig } from './hf-config.js';
