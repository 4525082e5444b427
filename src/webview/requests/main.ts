import { startPanel } from '../shared/start-panel.ts';
import { NexusRequests } from './app.ts';

startPanel('nexus-requests', NexusRequests);
