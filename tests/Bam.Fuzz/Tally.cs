using System.Globalization;

namespace Bam.Fuzz;

/// <summary>What became of the cases of one kind.</summary>
internal sealed class Tally(Kind kind)
{
    private long accepted;
    private long refused;
    private long faults;
    private long crashes;
    private long hangs;
    private long overMemory;
    private long slowest;

    public const string Header =
        "| kind | cases | accepted | refused | faults | crashes | hangs | over memory | slowest, ms |\n" +
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|";

    public long Cases => accepted + refused + Failures;

    public long Failures => faults + crashes + hangs + overMemory;

    public void Add(Outcome outcome, long milliseconds)
    {
        if (outcome == Outcome.Accepted) accepted++;
        else if (outcome == Outcome.Refused) refused++;
        else faults++;
        slowest = Math.Max(slowest, milliseconds);
    }

    public void AddCrash() => crashes++;

    public void AddHang() => hangs++;

    public void AddOverMemory() => overMemory++;

    public void Add(Tally other)
    {
        accepted += other.accepted;
        refused += other.refused;
        faults += other.faults;
        crashes += other.crashes;
        hangs += other.hangs;
        overMemory += other.overMemory;
        slowest = Math.Max(slowest, other.slowest);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"| {kind.Name} | {Cases:N0} | {accepted:N0} | {refused:N0} " +
        $"| {faults} | {crashes} | {hangs} | {overMemory} | {slowest:N0} |");
}
