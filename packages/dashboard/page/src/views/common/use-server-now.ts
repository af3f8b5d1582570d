/** The server's clock, ticking each second: the page's own may be wrong by hours. */
import { useEffect, useState } from 'preact/hooks';

/** In ms; `at`: the server's time when it told something last, null where it has not. */
export function useServerNow(at: string | null): number {
  const [offsetMs, setOffsetMs] = useState(0);
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    if (at !== null) setOffsetMs(Date.parse(at) - Date.now());
  }, [at]);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return nowMs + offsetMs;
}
