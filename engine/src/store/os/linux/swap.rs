//! The swap: a file is compared, exchanged, and looked at again.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{self, AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::compare::compare;
use super::lease::Leased;
use super::{Facilities, OsFs, Safeguard, check_regular, io, open_error};
use crate::store::{Cas, Expected, FsError};

/// A directory and a name in it.
type Place<'a> = (BorrowedFd<'a>, &'a str);

impl OsFs {
    /// Opens the file, takes a lease if one can be had, and compares its bytes.
    pub(super) fn hold(
        &self,
        parent: impl AsFd,
        name: &str,
        expected: Expected<'_>,
    ) -> Result<Held, FsError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(parent, name, flags, Mode::empty()).map_err(open_error)?;
        let stat = fs::fstat(&file).map_err(io("look at the file"))?;
        check_regular(&stat)?;
        let facilities = self.facilities;
        let offered = facilities.leases && !facilities.lacks(Safeguard::Lease);
        let leased = Leased::take(File::from(file), offered)?;
        if !facilities.lacks(Safeguard::Compare) {
            compare(&leased.file, &stat, expected)?;
        }
        Ok(Held { inode: (stat.st_dev, stat.st_ino), leased, facilities })
    }

    /// Moves a file to a free name, if it holds what is expected.
    pub(super) fn move_if(
        &self,
        from: Place<'_>,
        to: Place<'_>,
        expected: Expected<'_>,
    ) -> Result<Cas, FsError> {
        let held = self.hold(from.0, from.1, expected)?;
        self.rename_to_free(from, to)?;
        held.verify(to.0, to.1, expected).map_err(|error| {
            if self.facilities.lacks(Safeguard::SwapBack) {
                return error;
            }
            match self.rename_to_free(to, from) {
                // If the name is taken again, what we hold stays where it is, unharmed.
                Ok(()) | Err(FsError::Exists | FsError::Missing) => error,
                Err(why) => why.by_halves(),
            }
        })
    }

    /// Gives a file another name, which must be free.
    pub(super) fn rename_to_free(&self, from: Place<'_>, to: Place<'_>) -> Result<(), FsError> {
        let renamed = match self.facilities.exchange {
            true => {
                let free = !self.facilities.lacks(Safeguard::FreeName);
                let flags = if free { RenameFlags::NOREPLACE } else { RenameFlags::empty() };
                fs::renameat_with(from.0, from.1, to.0, to.1, flags)
            }
            false => Err(Errno::INVAL),
        };
        match renamed {
            Err(error) if is_not_offered(error) => {
                // A second name can only be a free one, too.
                fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty()).map_err(rename_error)?;
                let taken = fs::unlinkat(from.0, from.1, AtFlags::empty());
                taken.map_err(io("take the old name")).map_err(|error| {
                    match fs::unlinkat(to.0, to.1, AtFlags::empty()) {
                        Ok(()) => error,
                        Err(_) => error.by_halves(),
                    }
                })
            }
            renamed => renamed.map_err(rename_error),
        }
    }
}

/// Returns whether a rename failed because its file system knows no such kind.
fn is_not_offered(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// A slot and a file that are to change places.
pub(super) struct Swap<'a> {
    pub(super) fs: &'a OsFs,
    pub(super) slots: BorrowedFd<'a>,
    pub(super) slot: &'a str,
    pub(super) parent: BorrowedFd<'a>,
    pub(super) name: &'a str,
}

impl Swap<'_> {
    /// Swaps slot and file, if the file holds what is expected.
    pub(super) fn run(&self, expected: Expected<'_>) -> Result<Cas, FsError> {
        let held = self.fs.hold(self.parent, self.name, expected)?;
        let staged = inode(self.slots, self.slot)?;
        let swapped = match self.fs.facilities.exchange {
            true => self.exchange(),
            false => Err(Errno::INVAL),
        };
        match swapped {
            Err(error) if is_not_offered(error) => return self.replace(&held, expected),
            swapped => swapped.map_err(io("exchange the file"))?,
        }
        held.verify(self.slots, self.slot, expected)
            .or_else(|error| self.swap_back(staged).and(Err(error)))
    }

    fn exchange(&self) -> Result<(), Errno> {
        let (slots, slot, parent, name) = (self.slots, self.slot, self.parent, self.name);
        fs::renameat_with(slots, slot, parent, name, RenameFlags::EXCHANGE)
    }

    /// Puts back what was displaced, which is somebody's newer work; `staged` is
    /// the file that came from us.
    ///
    /// # Errors
    /// `Halves` where that does not go.
    fn swap_back(&self, staged: (u64, u64)) -> Result<(), FsError> {
        let lacks = |safeguard| self.fs.facilities.lacks(safeguard);
        if lacks(Safeguard::SwapBack) {
            return Ok(());
        }
        let halves = |error| io("put the file back")(error).by_halves();
        match self.exchange() {
            Err(Errno::NOENT) => {
                let (slots, slot, parent, name) = (self.slots, self.slot, self.parent, self.name);
                match fs::renameat_with(slots, slot, parent, name, RenameFlags::NOREPLACE) {
                    // The name is taken again: what was displaced stays in the slot.
                    Err(Errno::EXIST) => return Ok(()),
                    back => back.map_err(halves)?,
                }
            }
            back => back.map_err(halves)?,
        }
        let newest_went = match inode(self.slots, self.slot) {
            Ok(inode) => inode != staged,
            Err(FsError::Missing) => false,
            Err(error) => return Err(error.by_halves()),
        };
        if newest_went && !lacks(Safeguard::NewestStays) {
            // Yet another save replaced ours meanwhile: the newest stays, the
            // older one is kept in the slot.
            self.exchange().map_err(halves)?;
        }
        Ok(())
    }

    /// Replaces the file without an exchange: it gets a second name beside the
    /// slot, the slot takes its place, and the second name becomes the slot. A
    /// save by rename in between is lost, which is why this is `weak`; a death in
    /// between is put right by [`finish_replacing`].
    fn replace(&self, held: &Held, expected: Expected<'_>) -> Result<Cas, FsError> {
        let (slots, slot, parent, name) = (self.slots, self.slot, self.parent, self.name);
        let kept = kept_name(slot);
        fs::linkat(parent, name, slots, &kept, AtFlags::empty()).map_err(rename_error)?;
        if let Err(error) = held.verify(slots, &kept, expected) {
            let _one_name_less = fs::unlinkat(slots, &kept, AtFlags::empty());
            return Err(error);
        }
        fs::renameat(slots, slot, parent, name).map_err(io("replace the file"))?;
        let keep = fs::renameat(slots, &kept, slots, slot);
        keep.map_err(|error| io("keep the replaced file")(error).by_halves())?;
        match held.verify(slots, slot, expected) {
            Ok(_) => Ok(Cas::Weak),
            Err(error) => {
                // Somebody wrote to it in place after all: it goes back.
                let back = fs::renameat(slots, slot, parent, name);
                back.map_err(|why| io("put the file back")(why).by_halves())?;
                Err(error)
            }
        }
    }
}

/// Returns the second name that a file has while it is replaced.
fn kept_name(slot: &str) -> String {
    format!("{slot}.kept")
}

/// Ends what a death may have left of a replacement: the second name becomes the
/// slot if the slot has become the file, and goes if it has not.
pub(super) fn finish_replacing(slots: BorrowedFd<'_>, slot: &str) -> Result<(), FsError> {
    let kept = kept_name(slot);
    match inode(slots, &kept) {
        Err(FsError::Missing) => return Ok(()),
        found => found?,
    };
    match inode(slots, slot) {
        Err(FsError::Missing) => {
            fs::renameat(slots, &kept, slots, slot).map_err(io("keep the replaced file"))
        }
        _ => fs::unlinkat(slots, &kept, AtFlags::empty()).map_err(io("remove a second name")),
    }
}

/// A file whose bytes were compared, and which nobody can change unheard.
pub(super) struct Held {
    inode: (u64, u64),
    leased: Leased,
    facilities: Facilities,
}

impl Held {
    /// Returns how good the swap was, or `Changed` where what now stands at
    /// `name` is not what was compared.
    pub(super) fn verify(
        &self,
        directory: impl AsFd,
        name: &str,
        expected: Expected<'_>,
    ) -> Result<Cas, FsError> {
        let stat = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(io("look at the displaced file"))?;
        let lacks = |safeguard| self.facilities.lacks(safeguard);
        if (stat.st_dev, stat.st_ino) != self.inode && !lacks(Safeguard::Displaced) {
            return Err(FsError::Changed);
        }
        match self.leased.is_whole() {
            _ if lacks(Safeguard::Lease) || lacks(Safeguard::WholeLease) => Ok(Cas::Strict),
            Some(true) => Ok(Cas::Strict),
            Some(false) => Err(FsError::Changed),
            None if lacks(Safeguard::CompareAgain) => Ok(Cas::Weak),
            None => compare(&self.leased.file, &stat, expected).map(|()| Cas::Weak),
        }
    }
}

/// Returns the meaning of a failed rename.
fn rename_error(error: Errno) -> FsError {
    match error {
        Errno::XDEV => FsError::Denied("a file cannot move to another file system".into()),
        error => open_error(error),
    }
}

fn inode(directory: BorrowedFd<'_>, name: &str) -> Result<(u64, u64), FsError> {
    let stat = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(open_error)?;
    Ok((stat.st_dev, stat.st_ino))
}
