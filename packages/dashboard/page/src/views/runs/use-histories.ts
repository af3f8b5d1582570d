/** Histories of the runs that are compared: loaded one after another, again when a run has gone further, kept while chosen. */
import { messageOf } from '@unet-fleet/law';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { History, RunSummary } from '../../../../src/protocol.ts';

export interface Histories {
  histories: ReadonlyMap<string, History>;
  /** What could not be loaded, and why. */
  problem: string | null;
}

export function useHistories(
  chosen: readonly string[],
  runs: readonly RunSummary[] | null,
  load: (run: string) => Promise<History>,
): Histories {
  const [loaded, setLoaded] = useState<ReadonlyMap<string, { step: number; history: History }>>(new Map());
  const [problem, setProblem] = useState<string | null>(null);
  const stepOf = (name: string) => runs?.find((run) => run.name === name)?.step ?? 0;
  const wanted = chosen.map((name) => `${name}\0${stepOf(name)}`).join('\n');
  useEffect(() => {
    let isWanted = true;
    const loadMissing = async () => {
      for (const name of chosen.filter((one) => loaded.get(one)?.step !== stepOf(one))) {
        try {
          const step = stepOf(name);
          const history = await load(name);
          if (!isWanted) return;
          setLoaded((all) =>
            new Map([...all].filter(([one]) => chosen.includes(one))).set(name, { step, history }),
          );
          setProblem(null);
        } catch (error) {
          if (!isWanted) return;
          setProblem(`${name} could not be loaded: ${messageOf(error)}`);
        }
      }
    };
    void loadMissing();
    return () => {
      isWanted = false;
    };
  }, [wanted]);
  const histories = useMemo(
    () => new Map([...loaded].map(([name, { history }]) => [name, history])),
    [loaded],
  );
  return { histories, problem };
}
