/** Work that is done, all of it, in any unit, and what is being done. */
export type ReportProgress = (done: number, total: number, detail: string) => void;
