package org.example.parts;

import java.util.List;
import java.util.Map;

/** A part and how many there are. */
@Deprecated
public class Part<T extends Comparable<T>> implements Stock {
    private static final int SHELF_MAX = 64;
    private final String name;

    static {
        System.out.println("loaded {");
    }

    /** Makes one. */
    public Part(String name) {
        this.name = name;
    }

    @Override
    public String find(String key) throws IllegalStateException {
        return switch (key) {
            case "bolt", "nut" -> name;
            default -> {
                yield "none";
            }
        };
    }

    public <K> Map<K, List<T>> group(K key, T... values) {
        Runnable run = () -> values.clone();
        run.run();
        return Map.of(key, List.of(values));
    }

    enum Size {
        SMALL(1),
        LARGE(2);

        private final int weight;

        Size(int weight) {
            this.weight = weight;
        }
    }

    record Pair(String left, String right) {}
}

interface Stock {
    String find(String key);

    default boolean isEmpty() {
        return true;
    }
}

@interface Counted {
    int value() default 1;
}
