/* cudnn_api.h - as much of cuDNN 9's backend API as is used: its numbers and calls, declared here so that the plugin
 * builds where cuDNN's headers are not. tests/emulated/test_declarations.sh compares them with the headers. */
/* clang-format off */
#ifndef AG_CUDNN_API_H
#define AG_CUDNN_API_H

#include <stddef.h>
#include <stdint.h>

enum { /* data types */
    AG_CUDNN_DATA_FLOAT    = 0,
    AG_CUDNN_DATA_HALF     = 2,
    AG_CUDNN_DATA_BFLOAT16 = 9
};

enum { /* what an attribute's elements are */
    AG_CUDNN_TYPE_DATA_TYPE          = 1,
    AG_CUDNN_TYPE_BOOLEAN            = 2,
    AG_CUDNN_TYPE_INT64              = 3,
    AG_CUDNN_TYPE_VOID_PTR           = 6,
    AG_CUDNN_TYPE_HEUR_MODE          = 8,
    AG_CUDNN_TYPE_BACKEND_DESCRIPTOR = 15,
    AG_CUDNN_TYPE_INT32              = 23,
    AG_CUDNN_TYPE_CHAR               = 24
};

enum { /* descriptors */
    AG_CUDNN_BACKEND_ENGINE_DESCRIPTOR             = 2,
    AG_CUDNN_BACKEND_ENGINECFG_DESCRIPTOR          = 3,
    AG_CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR         = 4,
    AG_CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR     = 5,
    AG_CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR     = 15,
    AG_CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR       = 16,
    AG_CUDNN_BACKEND_TENSOR_DESCRIPTOR             = 17,
    AG_CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR         = 38,
    AG_CUDNN_BACKEND_OPERATION_SDPA_FWD_DESCRIPTOR = 41
};

enum { /* attributes */
    AG_CUDNN_ATTR_ENGINEHEUR_MODE                    = 200,
    AG_CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH         = 201,
    AG_CUDNN_ATTR_ENGINEHEUR_RESULTS                 = 202,
    AG_CUDNN_ATTR_ENGINEHEUR_DEVICEPROP              = 204,
    AG_CUDNN_ATTR_ENGINECFG_ENGINE                   = 300,
    AG_CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG       = 401,
    AG_CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE      = 402,
    AG_CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION = 405,
    AG_CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP          = 407,
    AG_CUDNN_ATTR_OPERATIONGRAPH_OPS                 = 801,
    AG_CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT              = 900,
    AG_CUDNN_ATTR_TENSOR_DATA_TYPE                   = 901,
    AG_CUDNN_ATTR_TENSOR_DIMENSIONS                  = 902,
    AG_CUDNN_ATTR_TENSOR_STRIDES                     = 903,
    AG_CUDNN_ATTR_TENSOR_UNIQUE_ID                   = 906,
    AG_CUDNN_ATTR_TENSOR_IS_BY_VALUE                 = 908,
    AG_CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS            = 1000,
    AG_CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS         = 1001,
    AG_CUDNN_ATTR_VARIANT_PACK_WORKSPACE             = 1003,
    AG_CUDNN_ATTR_ENGINE_GLOBAL_INDEX                = 1301,
    AG_CUDNN_ATTR_DEVICEPROP_DEVICE_ID               = 2700,
    AG_CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION     = 2702,
    AG_CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC           = 2800,
    AG_CUDNN_ATTR_OPERATION_SDPA_FWD_KDESC           = 2801,
    AG_CUDNN_ATTR_OPERATION_SDPA_FWD_VDESC           = 2802,
    AG_CUDNN_ATTR_OPERATION_SDPA_FWD_ODESC           = 2803,
    AG_CUDNN_ATTR_OPERATION_SDPA_FWD_STATSDESC       = 2804,
    AG_CUDNN_ATTR_OPERATION_SDPA_FWD_SCALEDESC       = 2805
};

enum { /* which engines are asked for */
    AG_CUDNN_HEUR_MODE_FALLBACK = 2,
    AG_CUDNN_HEUR_MODE_A        = 3
};

/* The library's functions. Handles, streams and descriptors are opaque pointers, a status is 0 when all is well. */
typedef struct ag_cudnn {
    size_t (*version)(void);                           /* major 10000 + minor 100 + patch */
    void   (*last_error)(char *text, size_t size);
    int    (*create)(void **handle);
    int    (*set_stream)(void *handle, void *stream);
    int    (*create_descriptor)(int type, void **descriptor);
    int    (*destroy_descriptor)(void *descriptor);
    int    (*finalize)(void *descriptor);
    int    (*set)(void *descriptor, int name, int type, int64_t count, const void *elements);
    int    (*get)(const void *descriptor, int name, int type, int64_t wanted, int64_t *count, void *elements);
    int    (*execute)(void *handle, void *plan, void *pack);
} ag_cudnn;

#endif
