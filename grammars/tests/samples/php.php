<?php

declare(strict_types=1);

namespace Parts\Inventory;

use InvalidArgumentException;

const SHELF_MAX = 64;

/** What can be looked through. */
interface Stock
{
    public function find(string $key): ?Part;
}

trait Labelled
{
    public function label(): string
    {
        return "{$this->name} × {$this->count}";
    }
}

enum Size: int
{
    case Small = 1;
    case Large = 2;
}

#[Sample]
final class Part implements Stock
{
    use Labelled;

    private const LIMIT = 9;
    public array $tags = ['a' => 1];

    public function __construct(
        private string $name,
        private int $count = 1,
    ) {
        if ($count < 0) {
            throw new InvalidArgumentException("negative: $count");
        }
    }

    public function find(string $key): ?Part
    {
        return match (true) {
            $this->name === $key => $this,
            default => null,
        };
    }

    public static function sum(Part ...$parts): int
    {
        return array_sum(array_map(fn (Part $part) => $part->count, $parts));
    }
}

function count_all(array $parts): int
{
    $sum = 0;
    foreach ($parts as $part) {
        $sum += $part->count;
    }
    return $sum;
}
?>
<p>Total: <?= count_all([]) ?></p>
