import { startPanel } from '../shared/start-panel.ts';
import { NexusStorage } from './app.ts';

startPanel('nexus-storage', NexusStorage);
