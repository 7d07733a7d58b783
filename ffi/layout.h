// Prints constants and struct layouts as one JSON object, a group or struct a key.
#include <stddef.h>
#include <stdio.h>

static const char *layout_separator = "";

#define BEGIN() printf("{")
#define END() printf("}}\n"); return 0
#define GROUP(name) printf("%s\"%s\":{\"kind\":\"constants\"", *layout_separator ? "}," : "", name); layout_separator = ","
#define STRUCT(type) \
  printf("%s\"%s\":{\"kind\":\"struct\",\"size\":%zu", *layout_separator ? "}," : "", #type, sizeof(struct type)); \
  layout_separator = ","
#define C(name) printf(",\"%s\":%llu", #name, (unsigned long long)(unsigned int)(name));
#define F(type, field) printf(",\"%s\":%zu", #field, offsetof(struct type, field));
