/* axis.h - round steps for axes. */
#ifndef ATTI_AXIS_H
#define ATTI_AXIS_H

/* The next 1, 2 or 5 times a power of ten that is not below x; 1 for x <= 0 or NaN. */
double atti_axis_step(double x);

#endif
