/** The tide line of the icon, in the colour of the text around it. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
    <path
      d="M3 19c3 0 3-7 6-7s3 10 6 10 3-14 7-14 4 11 7 11"
      fill="none"
      stroke="currentColor"
      stroke-width="3"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>
);
