package org.example.parts

import kotlin.math.max

const val SHELF_MAX = 64

typealias Names = List<String>

/** A part and how many there are. */
@Deprecated("old")
data class Part(val name: String, var count: Int = 1) : Stock {
    val label: String
        get() = "$name × ${count}"

    init {
        require(count >= 0) { "negative: {" }
    }

    override fun find(key: String): Part? = if (key == name) this else null

    fun <T : Any> pick(from: List<T>, chooser: (T) -> Boolean): T? {
        return from.firstOrNull { chooser(it) }
    }

    companion object {
        fun parse(text: String): Part {
            val (name, count) = text.split(" ")
            return Part(name, count.toInt())
        }
    }

    inner class Tag
}

interface Stock {
    fun find(key: String): Part?
}

enum class Size(val weight: Int) {
    SMALL(1),
    LARGE(2);

    fun isLarge() = this == LARGE
}

object Shelf {
    fun isFull(parts: List<Part>) = parts.size >= SHELF_MAX
}

fun List<Part>.total(): Int {
    var sum = 0
    for (part in this) {
        sum += when {
            part.count > 9 -> 9
            else -> max(part.count, 0)
        }
    }
    return sum
}
