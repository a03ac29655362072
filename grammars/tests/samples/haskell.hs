{-# LANGUAGE LambdaCase #-}
-- | A small inventory.
module Parts.Inventory
  ( Part (..)
  , count
  ) where

import qualified Data.Map as Map
import Data.Maybe (fromMaybe)

shelfMax :: Int
shelfMax = 64

type Names = [String]

newtype Tag = Tag { tagText :: String }

-- | A part and how many there are.
data Part = Part
  { partName :: String
  , partCount :: !Int
  }
  | Missing
  deriving (Eq, Show)

class Stock a where
  find :: a -> String -> Maybe Part
  isEmpty :: a -> Bool
  isEmpty _ = True

instance Stock Part where
  find part key
    | partName part == key = Just part
    | otherwise = Nothing

-- | Counts everything there is.
count :: [Part] -> Int
count [] = 0
count (Missing : rest) = count rest
count (part : rest) = partCount part + count rest

label :: Part -> String
label = \case
  Missing -> "{"
  part ->
    let name = partName part
        text = show (partCount part)
     in name ++ " x " ++ text

total :: Map.Map String Part -> Int
total parts = sum counts
  where
    counts = map partCount (Map.elems parts)
