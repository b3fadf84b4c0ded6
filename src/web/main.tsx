import { render } from 'preact';
import type { ReportView } from '../report/view-model.js';
import { Page } from './page.js';
import './colours.css';
import './page.css';
import './tables.css';
import './chart.css';

// The view was checked against its schema when the page was written.
const view = JSON.parse(document.getElementById('report-data')!.textContent!) as ReportView;
render(<Page view={view} />, document.getElementById('page')!);
