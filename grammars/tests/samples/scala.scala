package org.example.parts

import scala.collection.mutable.{Map => MutableMap}

/** What can be looked through. */
trait Stock {
  def size: Int
  def find(key: String): Option[Part]
}

/** A part and how many there are. */
case class Part(name: String, count: Int = 1) extends Stock {
  val label: String = s"$name × ${count}"
  private var seen = 0

  def size: Int = count

  override def find(key: String): Option[Part] = {
    seen += 1
    if (key == name) Some(this) else None
  }

  def pick[T <: AnyRef](from: List[T])(implicit chooser: T => Boolean): Option[T] =
    from.find(chooser)
}

object Part {
  val ShelfMax = 64
  type Names = List[String]

  def parse(text: String): Part = text.split(" ") match {
    case Array(name, count) => Part(name, count.toInt)
    case _ => throw new IllegalArgumentException("""{""")
  }
}

abstract class Shelf[A] {
  lazy val parts = for {
    part <- List.empty[Part]
    if part.count > 0
  } yield part
}

enum Size(val weight: Int) {
  case Small extends Size(1)
  case Large extends Size(2)
}

given ordering: Ordering[Part] with {
  def compare(a: Part, b: Part): Int = a.count - b.count
}
