import { startPanel } from '../shared/start-panel.ts';
import { NexusApp } from './app.ts';

startPanel('nexus-app', NexusApp);
