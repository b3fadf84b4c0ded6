/** What one row came to; a type and not an interface, as journals take only what is plain JSON. */
export type AnsweredRow = {
  readonly id: string;
  readonly depth: number;
  readonly promptTokens: number;
  readonly expected: readonly string[];
  readonly answer: string;
};
