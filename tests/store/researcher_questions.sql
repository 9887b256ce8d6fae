-- Questions of researchers to a small store. Each begins with its name; tests/store/test_researcher_questions.py has the answers from NumPy.

-- name: tokens per encoder
SELECT name, sum(slices * grid_height * grid_width) AS tokens FROM clips JOIN encoders USING (encoder_id) GROUP BY name;

-- name: seconds of video
SELECT sum(duration_s) FROM videos;

-- name: videos per label, unlabeled ones too
SELECT label, count(*) FROM videos GROUP BY label ORDER BY label NULLS LAST;

-- name: which share of videos has a label
SELECT avg((label IS NOT NULL)::INT) FROM videos;

-- name: bytes per codec
SELECT codec, sum(bytes) AS bytes FROM videos GROUP BY ALL ORDER BY codec;

-- name: frames that two windows cover
SELECT a.clip_id, b.first_frame, a.first_frame + a.frame_count * a.step - b.first_frame AS shared
FROM clips a JOIN clips b ON a.video_id = b.video_id AND b.first_frame > a.first_frame
WHERE b.first_frame < a.first_frame + a.frame_count * a.step ORDER BY a.clip_id;

-- name: windows per video
SELECT v.name, count(*) AS windows FROM videos v JOIN clips USING (video_id) GROUP BY v.name ORDER BY v.name;

-- name: tokens per second of video
SELECT name, sum(slices * grid_height * grid_width) / any_value(duration_s) FROM videos JOIN clips USING (video_id) GROUP BY name ORDER BY name;

-- name: the ten largest norms
SELECT clip_id, slice, y, x, norm FROM token_stats ORDER BY norm DESC LIMIT 10;

-- name: mean norm per video with its standard error over windows
SELECT v.name, avg(m), stddev_samp(m) / sqrt(count(*))
FROM (SELECT clip_id, avg(norm) AS m FROM token_stats GROUP BY clip_id) JOIN clips USING (clip_id) JOIN videos v USING (video_id)
GROUP BY v.name ORDER BY v.name;

-- name: percentiles of the norm
SELECT quantile_cont(norm, [0.05, 0.5, 0.95]) FROM token_stats;

-- name: tokens two standard deviations above their clip's mean
SELECT clip_id, count(*) FROM (
  SELECT clip_id, norm > avg(norm) OVER w + 2 * stddev_pop(norm) OVER w AS high FROM token_stats WINDOW w AS (PARTITION BY clip_id)
) WHERE high GROUP BY clip_id ORDER BY clip_id;

-- name: norm of the center against the border
SELECT (y IN (0, 4) OR x IN (0, 4)) AS border, avg(norm) FROM token_stats GROUP BY border ORDER BY border;

-- name: mean norm per place of the frame, as a matrix
PIVOT (SELECT y, x, norm FROM token_stats) ON x USING avg(norm) GROUP BY y ORDER BY y;

-- name: norm along the slices
SELECT slice, avg(norm) FROM token_stats GROUP BY slice ORDER BY slice;

-- name: change of the mean norm from slice to slice
SELECT clip_id, slice, norm - lag(norm) OVER (PARTITION BY clip_id ORDER BY slice) AS change
FROM slice_stats QUALIFY change IS NOT NULL ORDER BY clip_id, slice;

-- name: running mean of the norm over three slices
SELECT clip_id, slice, avg(norm) OVER (PARTITION BY clip_id ORDER BY slice ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
FROM slice_stats ORDER BY clip_id, slice;

-- name: the patch of the largest norm in each slice
SELECT clip_id, slice, y, x FROM token_stats
QUALIFY row_number() OVER (PARTITION BY clip_id, slice ORDER BY norm DESC) = 1 ORDER BY clip_id, slice;

-- name: how still each video is
SELECT v.name, avg(previous_cosine) AS stillness FROM token_stats JOIN clips USING (clip_id) JOIN videos v USING (video_id)
GROUP BY v.name ORDER BY stillness;

-- name: when each video changes most
SELECT v.name, seconds_of(clip_id, slice) AS second FROM slice_stats JOIN clips USING (clip_id) JOIN videos v USING (video_id)
WHERE previous_cosine IS NOT NULL QUALIFY row_number() OVER (PARTITION BY v.name ORDER BY previous_cosine) = 1 ORDER BY v.name;

-- name: correlation of norm and spread
SELECT corr(norm, std) FROM token_stats;

-- name: histogram of norms in ten steps
SELECT least(floor((norm - low) / (high - low) * 10), 9)::INT AS bin, count(*)
FROM token_stats, (SELECT min(norm) AS low, max(norm) AS high FROM token_stats) GROUP BY bin ORDER BY bin;

-- name: dimensions by their spread over the corpus
SELECT dim, stddev_pop(v) AS spread FROM (SELECT unnest(embedding) AS v, unnest(range(len(embedding))) AS dim FROM tokens)
GROUP BY dim ORDER BY spread DESC;

-- name: mean and range of each dimension
SELECT dim, avg(dim_mean), min(dim_min), max(dim_max) FROM dim_stats GROUP BY dim ORDER BY dim;

-- name: dimensions that are mostly positive
SELECT dim FROM (SELECT unnest(embedding) AS v, generate_subscripts(embedding, 1) - 1 AS dim FROM tokens)
GROUP BY dim HAVING avg((v > 0)::INT) > 0.8 ORDER BY dim;

-- name: share of the variance between slices
SELECT clip_id, var_pop(dim_mean) / (var_pop(dim_mean) + avg(dim_std ** 2)) AS share
FROM dim_stats WHERE dim = 3 GROUP BY clip_id ORDER BY clip_id;

-- name: dimensions ranked within each clip
SELECT clip_id, list(dim ORDER BY spread DESC)[:3] AS top FROM (
  SELECT clip_id, dim, max(dim_max) - min(dim_min) AS spread FROM dim_stats GROUP BY ALL
) GROUP BY clip_id ORDER BY clip_id;

-- name: norm recomputed from the embeddings
SELECT max(abs(norm - sqrt(list_dot_product(embedding, embedding)))) < 1e-3
FROM tokens JOIN token_stats USING (clip_id, slice, y, x);

-- name: mean embedding of a window
SELECT list(m ORDER BY dim) FROM (
  SELECT dim, avg(v) AS m FROM (SELECT unnest(embedding) AS v, generate_subscripts(embedding, 1) AS dim FROM tokens WHERE clip_id = $clip) GROUP BY dim
);

-- name: nearest tokens of a token
SELECT clip_id, slice, y, x, cosine(embedding, token($clip, 1, 2, 3)) AS score FROM tokens
WHERE NOT (clip_id = $clip AND (slice, y, x) = (1, 2, 3)) ORDER BY score DESC LIMIT 5;

-- name: similarity of the first and the last slice, patch by patch
SELECT clip_id, y, x, cosine(token(clip_id, 0, y, x), embedding) FROM tokens WHERE slice = 3 ORDER BY clip_id, y, x;

-- name: similarity of neighboring patches, by hand
SELECT avg(cosine(a.embedding, b.embedding)) FROM tokens a JOIN tokens b ON (a.clip_id, a.slice, a.y) = (b.clip_id, b.slice, b.y) AND b.x = a.x + 1;

-- name: the window most like each window
WITH means AS (
  SELECT clip_id, list(m ORDER BY dim) AS v FROM (SELECT clip_id, dim, avg(dim_mean) AS m FROM dim_stats GROUP BY ALL) GROUP BY clip_id
)
SELECT a.clip_id, max_by(b.clip_id, cosine(a.v, b.v)) FROM means a JOIN means b ON a.clip_id <> b.clip_id GROUP BY a.clip_id ORDER BY a.clip_id;

-- name: dimensions that react most to a shift
SELECT dim, avg(mean_abs) AS reaction FROM sensitivity GROUP BY dim ORDER BY reaction DESC LIMIT 5;

-- name: reaction relative to the spread of the dimension
SELECT s.dim, avg(s.mean_abs / d.pair_std) AS relative FROM sensitivity s JOIN dim_sensitivity d USING (pair_id, dim) GROUP BY s.dim ORDER BY s.dim;

-- name: reaction along the shared slices
SELECT shared_slice, avg(mean_abs), stddev_samp(mean_abs) / sqrt(count(*)) FROM (
  SELECT pair_id, shared_slice, avg(mean_abs) AS mean_abs FROM sensitivity GROUP BY ALL
) GROUP BY shared_slice ORDER BY shared_slice;

-- name: patches that move furthest
SELECT y, x, avg(l2) AS moved FROM token_sensitivity GROUP BY ALL ORDER BY moved DESC LIMIT 3;

-- name: frames of the slices of a window
SELECT slice, frame_of(clip_id, slice) FROM slice_stats WHERE clip_id = $clip ORDER BY slice;

-- name: labels beside their mean norm, one column each
PIVOT (
  SELECT coalesce(v.label, 'none') AS label, t.norm FROM token_stats t JOIN clips USING (clip_id) JOIN videos v USING (video_id)
) ON label IN ('cooking', 'none', 'swimming', 'walking') USING avg(norm);

-- name: statistics of a token as rows
UNPIVOT (SELECT norm, mean, std FROM token_stats WHERE clip_id = $clip AND slice = 0 AND y = 0 AND x = 0) ON norm, mean, std;

-- name: failures by reason
SELECT stage, error, count(*) FROM failures GROUP BY ALL;

-- name: sampled tokens hold what the files hold
SELECT count(*), bool_and(s.embedding = t.embedding) FROM token_samples s JOIN tokens t USING (clip_id, slice, y, x);
