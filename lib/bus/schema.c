/* SPDX-License-Identifier: MIT */
typedef int op_schema_follows;
