/* Takes definitions out of reference counting: an optional extension, see docs/decisions/0082.
 *
 * Each use of a function, class or constant is counted in the object itself, and each count that is written in a forked
 * process copies a page of its parent's. Since 3.12, Python leaves alone what is immortal (PEP 683): None, small numbers and
 * the classes of the interpreter. Here we make so what a program is made of: classes, functions, modules, the names and
 * constants in them, and tuples. Values that somebody might wait to see go are counted as before: instances, lists, sets,
 * dictionaries. So are those that a tuple or a closure refers to.
 *
 * Before 3.12 there is nothing of the kind, and a later Python than those that we have tried may do it in another way. Since
 * 3.14 an object says twice that it is immortal, by its count and by a flag beside it.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX >= 0x030c0000 && PY_VERSION_HEX < 0x03100000 && SIZEOF_VOID_P == 8 && !defined(Py_GIL_DISABLED) \
    && (defined(_Py_IMMORTAL_REFCNT) || defined(_Py_IMMORTAL_INITIAL_REFCNT))
#define IS_POSSIBLE 1
#else
#define IS_POSSIBLE 0
#endif

#if IS_POSSIBLE

#define DEEPEST 64 /* of constants in constants; the compiler makes none that are deeper than a few */

/* Returns: whether it was counted until now. */
static int
take(PyObject *object)
{
    if (object == NULL || _Py_IsImmortal(object)) {
        return 0;
    }
#ifdef _Py_IMMORTAL_FLAGS
    object->ob_flags |= _Py_IMMORTAL_FLAGS;
    object->ob_refcnt = (uint32_t)_Py_IMMORTAL_INITIAL_REFCNT;
#else
    object->ob_refcnt = _Py_IMMORTAL_REFCNT;
#endif
    return 1;
}

static Py_ssize_t take_code(PyObject *object, int depth);

/* A constant, with those in it. Anything else is left alone. */
static Py_ssize_t
take_constant(PyObject *object, int depth)
{
    if (object == NULL || depth > DEEPEST) {
        return 0;
    }
    if (PyCode_Check(object)) {
        return take_code(object, depth);
    }
    if (PyUnicode_CheckExact(object) || PyBytes_CheckExact(object) || PyLong_CheckExact(object)
        || PyFloat_CheckExact(object) || PyComplex_CheckExact(object)) {
        return take(object);
    }
    Py_ssize_t taken = 0;
    if (PyTuple_CheckExact(object)) {
        taken += take(object);
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); i++) {
            taken += take_constant(PyTuple_GET_ITEM(object, i), depth + 1);
        }
    }
    else if (PyFrozenSet_CheckExact(object)) {
        taken += take(object);
    }
    return taken;
}

static Py_ssize_t
take_code(PyObject *object, int depth)
{
    if (!take(object)) {
        return 0;
    }
    PyCodeObject *code = (PyCodeObject *)object;
    PyObject *parts[] = {
        code->co_consts, code->co_names, code->co_localsplusnames, code->co_filename,
        code->co_name, code->co_qualname, code->co_linetable, code->co_exceptiontable,
    };
    Py_ssize_t taken = 1;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        taken += take_constant(parts[i], depth + 1);
    }
    return taken;
}

/* Whether a name is Python's or the enum module's: it begins and ends with an underscore. */
static int
is_reserved(PyObject *name)
{
    if (!PyUnicode_CheckExact(name) || PyUnicode_GET_LENGTH(name) < 3) {
        return 0;
    }
    return PyUnicode_READ_CHAR(name, 0) == '_' && PyUnicode_READ_CHAR(name, PyUnicode_GET_LENGTH(name) - 1) == '_';
}

/* What stands under such a name: a module's spec, the fields of a dataclass, the members of an enumeration. */
static Py_ssize_t
take_reserved(PyObject *value)
{
    Py_ssize_t taken = take(value), position = 0;
    PyObject *key, *part;
    if (PyDict_CheckExact(value)) {
        while (PyDict_Next(value, &position, &key, &part)) {
            taken += take_constant(key, 0) + take(part);
        }
    }
    return taken;
}

/* The dictionary of a class or module: with its names, and with those values that are constants or definitions. */
static Py_ssize_t
take_namespace(PyObject *dict)
{
    if (dict == NULL || !PyDict_CheckExact(dict)) {
        return 0;
    }
    Py_ssize_t taken = take(dict), position = 0;
    PyObject *name, *value;
    while (PyDict_Next(dict, &position, &name, &value)) {
        taken += take_constant(name, 0) + take_constant(value, 0);
        if (is_reserved(name)) {
            taken += take_reserved(value);
        }
    }
    return taken;
}

static Py_ssize_t
take_function(PyObject *object)
{
    PyFunctionObject *function = (PyFunctionObject *)object;
    Py_ssize_t taken = take(object);
    taken += take_code(function->func_code, 0);
    taken += take_constant(function->func_name, 0) + take_constant(function->func_qualname, 0);
    taken += take(function->func_closure);
    if (function->func_closure != NULL) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(function->func_closure); i++) {
            taken += take(PyTuple_GET_ITEM(function->func_closure, i)); /* the cell, not what is in it */
        }
    }
    return taken + take(function->func_defaults) + take(function->func_kwdefaults);
}

static Py_ssize_t
take_class(PyObject *object)
{
    PyTypeObject *class = (PyTypeObject *)object;
    PyObject *namespace = PyType_GetDict(class);
    Py_ssize_t taken = take(object) + take(class->tp_mro) + take(class->tp_bases) + take_namespace(namespace);
    Py_XDECREF(namespace);
    /* A class is numbered when something is looked up in it for the first time. That would be written in each child. */
    PyUnstable_Type_AssignVersionTag(class);
    return taken;
}

/* What stands in the dictionary of a class for something else (methods of C, slots, properties), or for others. */
static int
is_part(PyObject *object)
{
    PyTypeObject *kinds[] = {
        &PyMethodDescr_Type, &PyWrapperDescr_Type, &PyMemberDescr_Type, &PyGetSetDescr_Type, &PyClassMethodDescr_Type,
        &PyClassMethod_Type, &PyStaticMethod_Type, &PyProperty_Type, &PyCell_Type, &PyTuple_Type,
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (Py_IS_TYPE(object, kinds[i])) {
            return 1;
        }
    }
    return 0;
}

static Py_ssize_t
take_definition(PyObject *object)
{
    if (PyFunction_Check(object)) {
        return take_function(object);
    }
    if (PyType_Check(object)) {
        return take_class(object);
    }
    if (PyModule_CheckExact(object)) {
        return take(object) + take_namespace(PyModule_GetDict(object));
    }
    /* A method of C that is bound to an instance keeps that: it may be waited for. Those of modules do not matter. */
    if (PyCFunction_CheckExact(object)) {
        PyObject *self = PyCFunction_GET_SELF(object);
        return self == NULL || PyModule_CheckExact(self) ? take(object) : 0;
    }
    return is_part(object) ? take(object) : 0;
}

#endif

static PyObject *
immortalize(PyObject *module, PyObject *objects)
{
    if (!PyList_CheckExact(objects)) {
        PyErr_SetString(PyExc_TypeError, "a list of objects is expected");
        return NULL;
    }
    Py_ssize_t taken = 0;
#if IS_POSSIBLE
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects); i++) {
        taken += take_definition(PyList_GET_ITEM(objects, i));
    }
#endif
    return PyLong_FromSsize_t(taken);
}

static PyMethodDef module_methods[] = {
    {"immortalize", immortalize, METH_O,
     "immortalize(objects): how many objects are not counted any more, of the definitions in the list and what they consist "
     "of; 0 where Python cannot do so."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "peerage.actors.runtime.processes._immortal",
    .m_doc = "Takes definitions out of reference counting.",
    .m_size = 0,
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit__immortal(void)
{
    return PyModuleDef_Init(&module_definition);
}
