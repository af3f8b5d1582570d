/** Tells of light and dark, as they change: a canvas does not follow them by itself. */
import { useEffect, useRef } from 'preact/hooks';

export function useColourScheme(onChange: () => void): void {
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => {
    const tell = () => latest.current();
    const media = window.matchMedia('(prefers-color-scheme: dark)');
    media.addEventListener('change', tell);
    const observer = new MutationObserver(tell);
    observer.observe(document.documentElement, { attributes: true });
    return () => {
      media.removeEventListener('change', tell);
      observer.disconnect();
    };
  }, []);
}
