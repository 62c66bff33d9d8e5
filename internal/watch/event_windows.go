package watch

const nonblocking = 0
