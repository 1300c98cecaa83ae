"""To JSON Schema 1.0 is an integer; an integer of the protocol is written in digits."""

import schemathesis


def digits(value):
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [digits(item) for item in value]
    if isinstance(value, dict):
        return {key: digits(item) for key, item in value.items()}
    return value


@schemathesis.hook
def map_body(context, body):
    return digits(body)


@schemathesis.hook
def map_query(context, query):
    return digits(query)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    return digits(path_parameters)
