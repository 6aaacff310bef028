using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class OrderedPiecesTests
{
    [Fact]
    public void Every_piece_is_done_once_by_several_threads_whose_workers_are_disposed()
    {
        var done = new int[1000];
        var workers = 0;
        var disposed = 0;
        OrderedPieces.Run(
            done.Length,
            () =>
            {
                Interlocked.Increment(ref workers);
                return new Worker(() => Interlocked.Increment(ref disposed));
            },
            (_, piece) => Interlocked.Increment(ref done[piece]),
            CancellationToken.None);
        done.ShouldAllBe(count => count == 1);
        workers.ShouldBe(OrderedPieces.Threads);
        disposed.ShouldBe(workers);
    }

    [Fact]
    public void Nothing_to_do_is_done() =>
        OrderedPieces.Run(
            0, () => new Worker(() => { }), (_, _) => throw new InvalidOperationException(), CancellationToken.None);

    [Fact]
    public void Of_many_failures_the_first_pieces_is_thrown_and_no_more_pieces_begin()
    {
        for (var repeat = 0; repeat < 50; repeat++)
        {
            var last = 0;
            var gate = new Lock();
            Should.Throw<InvalidInputException>(() => OrderedPieces.Run(
                10_000,
                () => new Worker(() => { }),
                (_, piece) =>
                {
                    lock (gate) last = Math.Max(last, piece);
                    if (piece >= 100) throw new InvalidInputException($"piece {piece}");
                },
                CancellationToken.None)).Message.ShouldBe("piece 100");
            last.ShouldBeLessThan(100 + OrderedPieces.Threads);
        }
    }

    [Fact]
    public void A_worker_that_cannot_be_made_is_a_failure() =>
        Should.Throw<InvalidInputException>(
            () => OrderedPieces.Run<Worker>(
                5, () => throw new InvalidInputException("no memory"), (_, _) => { }, CancellationToken.None));

    private sealed class Worker(Action dispose) : IDisposable
    {
        public void Dispose() => dispose();
    }
}
