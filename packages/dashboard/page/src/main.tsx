/** The page begins here. */
import { render } from 'preact';
import { App } from './app.tsx';
import { SpeechRegion } from './live/speech.tsx';
import './theme.css';
import './app.css';

render(
  <SpeechRegion>
    <App />
  </SpeechRegion>,
  document.getElementById('app')!,
);
