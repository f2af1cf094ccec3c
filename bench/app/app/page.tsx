'use client';

import Button from '@mui/material/Button';
import { addDays, format } from 'date-fns';
import { useState } from 'react';

const FIRST = new Date(2000, 0, 1);

export default function Page() {
  const [days, setDays] = useState(0);
  return (
    <main className="p-8">
      <p>{format(addDays(FIRST, days), 'EEEE, d MMMM yyyy')}</p>
      <Button onClick={() => setDays(days + 1)}>Next day</Button>
    </main>
  );
}
