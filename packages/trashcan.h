/* What is read before each source that mypyc has made.
 *
 * It has CPython's trashcan free all its objects, also those that the garbage collector does not know. Up to 3.13 the
 * trashcan keeps what it frees later in a list that goes through the collector's headers, and these have none: it would
 * write into the memory before them. So they are freed at once, however deep they are in others.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX < 0x030D0000
#undef Py_TRASHCAN_BEGIN
#define Py_TRASHCAN_BEGIN(op, dealloc) \
    Py_TRASHCAN_BEGIN_CONDITION(op, PyObject_IS_GC((PyObject *)(op)) && _PyTrash_cond((PyObject *)(op), (destructor)(dealloc)))
#elif PY_VERSION_HEX < 0x030E0000
#undef Py_TRASHCAN_BEGIN
#define Py_TRASHCAN_BEGIN(op, dealloc) \
    do { \
        PyThreadState *tstate = PyThreadState_Get(); \
        if (tstate->c_recursion_remaining <= Py_TRASHCAN_HEADROOM && PyObject_IS_GC((PyObject *)(op))) { \
            _PyTrash_thread_deposit_object(tstate, (PyObject *)(op)); \
            break; \
        } \
        tstate->c_recursion_remaining--;
#endif
