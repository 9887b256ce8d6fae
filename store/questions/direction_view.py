"""The view `directions`: every direction that the store keeps numbers of, as one row, from the rows of bases and probes.

The value of a token along a direction is ``(token - origin) . vector + bias``; the token is divided by its length first where `unit` says so.
Views of a connection's own may hide rows of the tables from a query, so the tables stand with the name of their database.
"""

BASIS, CLUSTER, FEATURE, PROBE = (
    "basis",
    "cluster",
    "feature",
    "probe",
)  # sources, and first words of names
TABLES = "memory.main."
SETTING = "coalesce((b.settings::JSON ->> '{}') NOT IN ('false', '0'), false)"
OF_BASIS = f"""SELECT '{{source}}' AS source, '{{source}}:' || n.basis_id || ':' || {{number}} AS direction, '{{source}}:' || b.name || ':' || {{number}} AS named,
  b.encoder_id, n.basis_id AS owner_id, {{number}} AS number, NULL::VARCHAR AS class_value, {{vector}}, {SETTING.format("unit")} AS unit, {SETTING.format("positions")} AS positions
FROM {TABLES}basis_vectors n JOIN {TABLES}bases b USING (basis_id) {{joined}}"""
ROW = f"JOIN {TABLES}basis_vectors {{0}} ON {{0}}.basis_id = n.basis_id AND {{0}}.name = '{{1}}' AND {{0}}.number = 0"
COMPONENTS = OF_BASIS.format(
    source=BASIS,
    number="n.number + 1",
    vector="n.vector AS vector, m.vector AS origin, 0.0::DOUBLE AS bias",
    joined=f"{ROW.format('m', 'mean')} WHERE n.name = 'component' AND b.kind IN ('pca', 'dimensions')",
)
FEATURES = OF_BASIS.format(
    source=FEATURE,
    number="n.number",
    vector="n.vector AS vector, m.vector AS origin, c.vector[n.number + 1] AS bias",
    joined=f"{ROW.format('m', 'mean')} {ROW.format('c', 'bias')} WHERE n.name = 'encoder'",
)
MIDDLES = f"""SELECT basis_id, list(value ORDER BY place) AS vector, count(*) AS size FROM (
  SELECT basis_id, place, avg(value) AS value FROM (
    SELECT basis_id, unnest(vector) AS value, generate_subscripts(vector, 1) AS place FROM {TABLES}basis_vectors WHERE name = 'center'
  ) GROUP BY ALL) GROUP BY ALL"""


def write_between(a: str, b: str) -> tuple[str, str]:
    """SQL of the unit vector from `b` to `a`, NULL where they are equal, and of the point between the two."""
    pairs = f"list_zip({a}::DOUBLE[], {b}::DOUBLE[])"
    away = f"list_transform({pairs}, lambda pair: pair[1] - pair[2])"
    length = f"nullif(sqrt(list_sum(list_transform({pairs}, lambda pair: (pair[1] - pair[2]) ** 2))), 0)"  # fmt: skip
    vector = f"(SELECT list_transform(away, lambda part: part / length) FROM (SELECT {away} AS away, {length} AS length))"
    return vector, f"list_transform({pairs}, lambda pair: (pair[1] + pair[2]) / 2)"


_VECTOR, _MIDDLE = write_between("n.vector", "m.vector")
CENTERS = OF_BASIS.format(
    source=CLUSTER,
    number="n.number",
    vector=f"{_VECTOR} AS vector, {_MIDDLE} AS origin, 0.0::DOUBLE AS bias",
    joined=f"JOIN ({MIDDLES}) m USING (basis_id) WHERE n.name = 'center' AND b.kind = 'kmeans'",
)
PROBED = f"""SELECT '{PROBE}' AS source, '{PROBE}:' || w.probe_id || coalesce(':' || w.class_value, '') AS direction, NULL::VARCHAR AS named,
  p.encoder_id, w.probe_id AS owner_id, w.number, w.class_value, w.weights AS vector, NULL::DOUBLE[] AS origin, w.bias, false AS unit, false AS positions
FROM {TABLES}probe_weights w JOIN {TABLES}probes p USING (probe_id) JOIN {TABLES}encoders e USING (encoder_id) WHERE p.layer = e.layer"""
VIEW = "\nUNION ALL BY NAME ".join((COMPONENTS, FEATURES, CENTERS, PROBED))
