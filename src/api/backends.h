/* backends.h - the backends there are. */
#ifndef AG_BACKENDS_H
#define AG_BACKENDS_H

#include "../plan/plan.h"

/* The backend for tensors that are there, if it can be used on this machine. */
ag_status ag_backend_for(ag_place place, const ag_backend **backend, ag_why why);

#endif
