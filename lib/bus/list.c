/* SPDX-License-Identifier: MIT */
typedef int op_list_follows;
