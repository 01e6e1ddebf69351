\set n random(1, :skus)
SELECT ship_product('SKU-' || :set || '-' || :n, 1);
